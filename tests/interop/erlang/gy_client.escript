#!/usr/bin/env escript
%%! -noinput
%% A Gy client on Erlang/OTP's own Diameter: CER, a data session to the last part of the funds, the Re-Auth that a top-up causes, the end, DPR.
%% Arguments: port, subscriber, rating group. A line for each answer: request, Result-Code, that of the group, octets granted, Final-Unit-Action.
-mode(compile).
-include_lib("diameter/include/diameter.hrl").

-define(HOST, "pgw.example.com").
-define(REALM, "example.com").
-define(GIB, 1073741824).

main([Port, User, Group]) ->
    Folder = filename:dirname(escript:script_name()),
    {ok, [Forms]} = diameter_make:codec(filename:join(Folder, "gy.dia"), [forms, return]),
    {ok, gy, Code} = compile:forms(Forms),
    {module, gy} = code:load_binary(gy, "gy", Code),
    ok = diameter:start(),
    true = diameter:subscribe(client),
    ok = diameter:start_service(client, service()),
    {ok, _} = diameter:add_transport(client, {connect, [{transport_module, diameter_tcp},
        {transport_config, [{raddr, {127, 0, 0, 1}}, {rport, list_to_integer(Port)}]}, {watchdog_timer, 6000}]}),
    up(),
    register(player, self()),
    Session = text(diameter:session_id(?HOST)),
    Say = fun(Kind, Number, Unit) -> answer(Kind, call(Session, User, list_to_integer(Group), Kind, Number, Unit)) end,
    Say('I', 0, #{'Requested-Service-Unit' => [#{}]}),
    Say('U', 1, #{'Requested-Service-Unit' => [#{}], 'Used-Service-Unit' => [#{'CC-Total-Octets' => [?GIB]}]}),
    Say('U', 2, #{'Requested-Service-Unit' => [#{}], 'Used-Service-Unit' => [#{'CC-Total-Octets' => [?GIB div 2]}]}),
    receive {rar, Session} -> io:format("RAR of the session~n") after 60000 -> exit(no_rar) end,
    Say('U', 3, #{'Requested-Service-Unit' => [#{}]}),
    Say('T', 4, #{'Used-Service-Unit' => [#{'CC-Total-Octets' => [?GIB div 2]}]}),
    ok = diameter:stop_service(client),
    down(),
    io:format("bye~n").

service() ->
    [{'Origin-Host', ?HOST}, {'Origin-Realm', ?REALM}, {'Host-IP-Address', [{127, 0, 0, 1}]}, {'Vendor-Id', 193}, {'Product-Name', "OTP"},
     {'Auth-Application-Id', [4]}, {'Origin-State-Id', diameter:origin_state_id()}, {string_decode, false}, {decode_format, map},
     {application, [{alias, gy}, {dictionary, gy}, {module, #diameter_callback{
        peer_up = fun(_, _, State) -> State end,
        peer_down = fun(_, _, State) -> State end,
        pick_peer = fun([Peer | _], _, _, _) -> {ok, Peer} end,
        prepare_request = fun(Packet, _, _) -> {send, Packet} end,
        prepare_retransmit = fun(Packet, _, _) -> {send, Packet} end,
        handle_answer = fun(#diameter_packet{msg = [_ | Answer], errors = Errors}, _, _, _) -> {Answer, Errors} end,
        handle_error = fun(Reason, _, _, _) -> {error, Reason} end,
        handle_request = fun request/3}}]}].

up() ->
    receive
        #diameter_event{info = {up, _, _, _, #diameter_packet{msg = CEA}}} -> io:format("CEA ~p~n", [maps:get('Result-Code', tl_of(CEA))]);
        #diameter_event{info = {closed, _, Reason, _}} -> exit({closed, Reason});
        #diameter_event{} -> up()
    after 60000 -> exit(no_cea)
    end.

down() ->
    receive
        #diameter_event{info = stop} -> ok;
        #diameter_event{} -> down()
    after 60000 -> exit(no_end)
    end.

%% The base dictionary's messages come as maps or as [name | map].
tl_of([_ | Map]) -> Map;
tl_of(Map) when is_map(Map) -> Map.

request(#diameter_packet{msg = ['RAR' | RAR], errors = []}, _, _) ->
    Session = maps:get('Session-Id', RAR),
    player ! {rar, text(Session)},
    {reply, ['RAA' | #{'Session-Id' => Session, 'Result-Code' => 2002, 'Origin-Host' => ?HOST, 'Origin-Realm' => ?REALM}]}.

call(Session, User, Group, Kind, Number, Unit) ->
    diameter:call(client, gy, ['CCR' | #{
        'Session-Id' => Session, 'Origin-Host' => ?HOST, 'Origin-Realm' => ?REALM, 'Destination-Realm' => ?REALM, 'Auth-Application-Id' => 4,
        'Service-Context-Id' => "32251@3gpp.org", 'CC-Request-Type' => type(Kind), 'CC-Request-Number' => Number,
        'Event-Timestamp' => [calendar:universal_time()], 'Multiple-Services-Indicator' => [1],
        'Subscription-Id' => [#{'Subscription-Id-Type' => 0, 'Subscription-Id-Data' => User}],
        'Multiple-Services-Credit-Control' => [Unit#{'Rating-Group' => [Group]}]}], [{timeout, 60000}]).

text(Octets) -> binary_to_list(iolist_to_binary(Octets)).

type('I') -> 1;
type('U') -> 2;
type('T') -> 3.

answer(Kind, {Answer, []}) ->
    Code = maps:get('Result-Code', Answer),
    io:format("~p ~p~s~n", [Kind, Code, [told(One) || One <- maps:get('Multiple-Services-Credit-Control', Answer, [])]]);
answer(Kind, Other) ->
    exit({Kind, Other}).

told(One) ->
    [Octets] = [inner('CC-Total-Octets', Unit) || Unit <- maps:get('Granted-Service-Unit', One, [#{}])],
    Ends = [maps:get('Final-Unit-Action', End) || End <- maps:get('Final-Unit-Indication', One, [])],
    io_lib:format(" ~p ~p ~p", [maps:get('Result-Code', One, []), Octets, Ends]).

inner(Name, Unit) -> maps:get(Name, Unit, []).
