-- Claimed beside judged: one row per draw of which the source of an import said something. `upheld`
-- is null without a verdict, or where nothing was said that it could contradict: a claimed
-- correctness must hold, and a claimed speedup above 1 must not lie above the judged interval by a
-- tenth or more.
CREATE OR REPLACE VIEW claims AS
SELECT
    run_id,
    suite,
    level,
    problem_id,
    sample_index,
    claimed_correct,
    correct,
    status,
    claimed_speedup,
    speedup,
    speedup_low,
    speedup_high,
    claimed_runtime_ms,
    runtime_ms,
    device,
    CASE
        WHEN status IS NULL OR status = 'harness_error' THEN NULL
        WHEN claimed_correct <> correct THEN false
        WHEN claimed_speedup IS NULL THEN claimed_correct = correct
        WHEN NOT correct THEN false
        ELSE claimed_speedup <= greatest(1, 1.1 * coalesce(speedup_high, speedup))
    END AS upheld
FROM results
WHERE claimed_speedup IS NOT NULL OR claimed_correct IS NOT NULL OR claimed_runtime_ms IS NOT NULL;
