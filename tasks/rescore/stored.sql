-- The run's draws that the policy has not scored yet, with what there is to score of them.
SELECT
    c.suite,
    c.level,
    c.problem_id,
    c.sample_index,
    coalesce(c.completion, c.source) AS text,
    c.completion IS NOT NULL AS is_completion,
    coalesce(t.token_ids, []) AS token_ids,
    c.finish_reason
FROM candidates AS c
LEFT JOIN token_logprobs AS t USING (run_id, suite, level, problem_id, sample_index)
ANTI JOIN (SELECT * FROM rescores WHERE policy_id = $policy_id) AS s
    USING (run_id, suite, level, problem_id, sample_index)
WHERE coalesce(c.completion, c.source) IS NOT NULL
ORDER BY c.suite, c.level, c.problem_id, c.sample_index
