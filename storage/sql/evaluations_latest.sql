-- One row per source, problem and run: the latest verdict of the harness that the run was last asked
-- to be judged by. Verdicts of another device, mode, protocol, timeout or baseline stay in
-- `evaluations`, and show again when the run goes back to those settings. Where the last request
-- names no harness (an import, an earlier release) every verdict counts. A harness error is no
-- verdict on the candidate, so it stands only where nothing else does.
CREATE OR REPLACE VIEW evaluations_latest AS
SELECT e.*
FROM evaluations AS e
LEFT JOIN runs_latest AS r USING (run_id)
WHERE r.sequence IS NULL OR r.harness_id IS NULL OR e.harness_id = r.harness_id
QUALIFY row_number() OVER (
    PARTITION BY e.run_id, e.suite, e.level, e.problem_id, e.source_hash
    ORDER BY
        (e.status = 'harness_error'), e.sequence DESC NULLS LAST,
        e.evaluated_at DESC, e.evaluation_id DESC
) = 1;
