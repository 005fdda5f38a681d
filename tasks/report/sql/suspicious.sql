-- Results that deserve a reader's doubt: rejected sources; times below the physical bound;
-- correct ones that carry a warning; speedups of 10x and more. At most 30 sources, the worst first.
WITH judged AS (
    SELECT
        r.run_id, r.suite, r.level, r.problem_id, r.source_hash, r.sample_index, r.status,
        r.speedup, r.runtime_ms, r.bound_ms, r.correct, r.error, e.findings, c.source
    FROM results AS r
    JOIN evaluations_latest AS e USING (run_id, suite, level, problem_id, source_hash)
    JOIN candidates AS c USING (run_id, suite, level, problem_id, sample_index)
    WHERE r.run_id IN ($runs) AND coalesce(r.arm, 'base') = 'base'
),
doubted AS (
    SELECT
        *,
        CASE
            WHEN status = 'rejected' THEN 'rejected by the judge'
            WHEN runtime_ms < bound_ms THEN 'faster than the physical bound'
            WHEN correct AND len([f FOR f IN findings IF f.severity <> 'info']) > 0
                THEN 'correct, with a warning'
            WHEN speedup >= 10 THEN 'speedup of 10x or more'
        END AS reason
    FROM judged
)
SELECT
    reason,
    arg_min(run_id, sample_index) AS run_id,
    suite, level, problem_id, source_hash,
    min(sample_index) AS sample_index,
    count(*) AS draws,
    any_value(status) AS status,
    any_value(speedup) AS speedup,
    any_value(runtime_ms) AS runtime_ms,
    any_value(bound_ms) AS bound_ms,
    coalesce(
        nullif(any_value(array_to_string([f.rule || ': ' || f.message FOR f IN findings], '; ')), ''),
        any_value(error)
    ) AS remark,
    any_value(source) AS source
FROM doubted
WHERE reason IS NOT NULL
GROUP BY reason, suite, level, problem_id, source_hash
ORDER BY
    reason <> 'rejected by the judge', reason <> 'faster than the physical bound',
    reason <> 'correct, with a warning', speedup DESC NULLS LAST, level, problem_id, source_hash
LIMIT 30
