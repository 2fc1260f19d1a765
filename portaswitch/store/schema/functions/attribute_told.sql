-- Whether a change of a service attribute raises events: as the internal handler ServiceAttributeDispatcher and its filter say. `lte`: the name of the Internet
-- access policy, the PDP/PDN context and the static address only. Where that handler is not known, everything does.
create or replace function attribute_told(attribute int) returns boolean language sql stable as $$
    select not exists (select from event_handlers h where h.name = 'ServiceAttributeDispatcher' and not h.enabled)
        and (not exists (select from event_filters f join event_handlers h on h.i_handler = f.i_handler
                         where h.name = 'ServiceAttributeDispatcher' and f.name = 'lte')
             or exists (select from service_attributes a join service_features s on s.i_service_feature = a.i_service_feature
                        where a.i_attribute = attribute and ((s.name, a.name) in (('netaccess_policy', 'access_policy'), ('lte', 'context_id'))
                                                             or s.name = 'netaccess_static_ip')))
$$;
