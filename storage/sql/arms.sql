-- One row per run and arm: how far it was trained, and what all of it drew.
CREATE OR REPLACE VIEW arms AS
SELECT
    run_id,
    arm,
    any_value(objective) AS objective,
    any_value(reward) AS reward,
    count(DISTINCT unit) AS units,
    max(step) AS steps,
    sum(draws)::BIGINT AS draws,
    sum(judged)::BIGINT AS judged,
    sum(correct)::BIGINT AS correct,
    sum(fast_1)::BIGINT AS fast_1,
    sum(rejected)::BIGINT AS rejected,
    max(best_speedup) AS best_speedup,
    max(kl_from_base) AS most_kl_from_base
FROM trajectory
GROUP BY run_id, arm;
