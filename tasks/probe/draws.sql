-- Draws that can be scored again: with their tokens, the log-probabilities that they came with, and
-- their verdicts.
SELECT
    r.suite, r.level, r.problem_id, r.sample_index, r.arm, r.unit, r.step, r.checkpoint_id,
    r.source_hash, r.status, r.correct, r.speedup,
    r.n_tokens, r.sum_logprob, r.mean_logprob, r.logprob_mode,
    t.token_ids, t.logprobs
FROM results AS r
JOIN token_logprobs AS t USING (run_id, suite, level, problem_id, sample_index)
WHERE
    r.status IS NOT NULL AND r.status <> 'harness_error'
    AND r.rescored_by IS NULL AND r.mean_logprob IS NOT NULL AND len(t.token_ids) > 0
ORDER BY r.suite, r.level, r.problem_id, r.sample_index
