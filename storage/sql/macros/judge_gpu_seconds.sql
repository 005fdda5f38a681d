-- Seconds that judging a row of `evaluations` or `anchors` held the GPU: `judge_seconds` without
-- compiling, which happens beside another's turn. 0 on a CPU.
CREATE OR REPLACE MACRO judge_gpu_seconds(one) AS if(
    starts_with(one.device, 'cuda'),
    judge_seconds(one) - if(one.draw_seconds IS NULL, 0, one.compile_seconds),
    0
);
