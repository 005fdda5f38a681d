-- What one pick costs among k draws, exactly, when they are judged in order of the score and the
-- first correct one is taken. With a correct draws before it, a draw is judged with probability
-- avoids(n, a, k) - avoids(n, a + 1, k); within a tied group every order is alike, which sums up as
-- below. Where a draw has no log-probability, all tie. Tokens are those of all k draws. Seconds and
-- tokens are null where a problem's are not known. Over the problems of all curves (`compared`).
WITH drawn AS (
    SELECT
        run_id, suite, level, problem_id, correct, judge_seconds, n, deepest,
        avg(n_tokens) OVER of_problem AS tokens,
        if(bool_or(mean_logprob IS NULL OR isnan(mean_logprob)) OVER of_problem, 0, mean_logprob)
            AS logprob
    FROM judged
    JOIN compared([$runs]) USING (run_id, suite, level, problem_id)
    WINDOW of_problem AS (PARTITION BY run_id, suite, level, problem_id)
),
tied AS (
    SELECT
        run_id, suite, level, problem_id, n, deepest, tokens, strategy, score,
        count(*) FILTER (correct) AS right_ones,
        count(*) FILTER (NOT correct) AS wrong_ones,
        bool_and(judge_seconds IS NOT NULL) AS timed,
        avg(judge_seconds) FILTER (correct) AS right_seconds,
        avg(judge_seconds) FILTER (NOT correct) AS wrong_seconds
    FROM drawn
    CROSS JOIN LATERAL (VALUES ('surprisal', -logprob), ('confidence', logprob), ('random', 0))
        AS scores(strategy, score)
    GROUP BY ALL
),
placed AS (
    SELECT *, (sum(right_ones) OVER best_first - right_ones)::BIGINT AS ahead
    FROM tied
    WINDOW best_first AS (
        PARTITION BY run_id, suite, level, problem_id, strategy ORDER BY score DESC
    )
),
judged_ones AS (
    SELECT
        *,
        avoids(n, ahead, k) - avoids(n, ahead + right_ones, k) AS of_right,
        wrong_ones * (avoids(n, ahead, k) - avoids(n, least(ahead + right_ones + 1, n), k))
            / (right_ones + 1) AS of_wrong
    FROM placed
    CROSS JOIN (SELECT (2 ** e)::BIGINT AS k FROM range(0, 31) AS exponents(e)) AS ks
    WHERE k <= deepest
),
by_run AS (
    SELECT
        run_id, suite, level, problem_id, strategy, k,
        sum(of_right + of_wrong) AS evaluations,
        if(
            bool_and(timed),
            sum(of_right * coalesce(right_seconds, 0) + of_wrong * coalesce(wrong_seconds, 0)),
            NULL
        ) AS judge_seconds,
        any_value(k * tokens) AS tokens
    FROM judged_ones
    GROUP BY ALL
),
by_problem AS (
    SELECT
        suite, level, problem_id, strategy, k, avg(evaluations) AS evaluations,
        avg(judge_seconds) AS judge_seconds, avg(tokens) AS tokens
    FROM by_run
    GROUP BY ALL
)
SELECT
    strategy, k, avg(evaluations) AS evaluations,
    if(count(judge_seconds) = count(*), avg(judge_seconds), NULL) AS judge_seconds,
    if(count(tokens) = count(*), avg(tokens), NULL) AS tokens
FROM by_problem
GROUP BY strategy, k
ORDER BY strategy, k
