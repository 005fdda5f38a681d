-- One row per source, problem and run: the latest verdict. A harness error is no verdict on the
-- candidate, so it stands only where nothing else does.
CREATE OR REPLACE VIEW evaluations_latest AS
SELECT *
FROM evaluations
QUALIFY row_number() OVER (
    PARTITION BY run_id, suite, level, problem_id, source_hash
    ORDER BY (status = 'harness_error'), evaluated_at DESC, evaluation_id DESC
) = 1;
