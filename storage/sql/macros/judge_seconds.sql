-- Seconds that judging a row of `evaluations` or `anchors` took. Its stages, without the wait for a turn
-- while others are measured; of a timeout, which ends in the middle of a stage, the limit besides.
-- `wall_seconds`, which holds the wait, where a stage is null: in rows of earlier releases.
CREATE OR REPLACE MACRO judge_seconds(one) AS least(
    one.wall_seconds,
    one.compile_seconds + one.draw_seconds + one.check_seconds + one.time_seconds
    + if(one.status = 'timeout', coalesce(one.timeout_s, 0), 0)
);
