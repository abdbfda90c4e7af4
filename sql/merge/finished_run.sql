-- The end of a run; a run that its successor took for killed stays killed only until it reports itself.
UPDATE runs SET
    state = :state,
    finished_at = :finished_at,
    inputs = from_json(:inputs, 'MAP<STRING, BIGINT>'),
    input_files = from_json(:input_files, 'MAP<STRING, STRING>'),
    outputs = from_json(:outputs, 'MAP<STRING, BIGINT>'),
    before = from_json(:before, 'MAP<STRING, BIGINT>'),
    timings = from_json(:timings, 'MAP<STRING, DOUBLE>'),
    n_read = :n_read,
    n_good = :n_good,
    n_quarantined = :n_quarantined,
    n_duplicate = :n_duplicate,
    n_pending = :n_pending,
    message = :message
WHERE run_id = :run_id
