-- Whether a session was told: by what was asked for, pending or not (store.standing).
create index session_tasks_told on session_tasks (session_key, kind, created) where session_key <> '';
-- Sessions whose node has not named them yet (store.session_names).
create index sessions_made_up on sessions (i_node, i_account) where session_key like '%/auth-%';
