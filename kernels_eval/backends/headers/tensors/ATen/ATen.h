/* Of torch's library what the other headers here have. */
#pragma once

#include <torch/types.h>
