-- Whether a session was told: by what was asked for, pending or not (store.standing).
create index session_tasks_told on session_tasks (session_key, kind, created) where session_key <> '';
