-- Per draw, from the log-probabilities of its tokens (nats): the mean of its least likely tenth (at
-- least one token), and of the window of 16 tokens with the lowest mean (of the whole completion
-- where that is shorter).
SELECT
    run_id, suite, level, problem_id, sample_index,
    list_avg(list_sort(logprobs)[1:greatest(1, ceil(len(logprobs) / 10))::BIGINT]) AS lowest_tenth,
    list_min(list_transform(
        range(1, greatest(len(logprobs) - 14, 2)),
        lambda first: list_avg(logprobs[first:first + 15])
    )) AS lowest_window
FROM token_logprobs
WHERE len(logprobs) > 0
QUALIFY row_number() OVER (PARTITION BY run_id, suite, level, problem_id, sample_index) = 1
