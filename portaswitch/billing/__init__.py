"""The billing core: pure decisions (rating, numbers, admission, session) and the Deferred-based part that queues, folds and flies them (core, batch)."""
