-- Refused lines; a rerun after a crash finds its own and adds none twice.
MERGE INTO orders__quarantine AS held
USING ingest_refused AS new
    ON held.exchange = :exchange AND held.file_digest = new.file_digest AND held.byte_offset = new.byte_offset
WHEN MATCHED AND held.run_id <> :run_id THEN UPDATE SET run_id = :run_id
WHEN NOT MATCHED THEN INSERT (
    exchange, code, reason, source_file, file_digest, line_number, byte_offset, raw_text, run_id
) VALUES (
    :exchange, new.code, new.reason, new.source_file, new.file_digest, new.line_number, new.byte_offset, new.raw_text,
    :run_id
)
