-- The fastest correct draw of every problem, over all runs in sight, with its code.
CREATE OR REPLACE MACRO champions() AS TABLE
SELECT
    j.suite, j.level, j.problem_id, j.run_id, j.sample_index, j.policy_id, j.device, j.speedup,
    j.speedup_low, j.speedup_high, j.mean_logprob, c.source
FROM judged AS j
JOIN candidates AS c USING (run_id, suite, level, problem_id, sample_index)
WHERE j.correct AND j.speedup IS NOT NULL
QUALIFY row_number() OVER (
    PARTITION BY j.suite, j.level, j.problem_id
    ORDER BY j.speedup DESC, j.run_id, j.sample_index
) = 1;
