# make demo    shows models that are ready to use, then trains, samples, interpolates and draws on embedded data sets
# make test    everything but the slow tests, with the linters
# make test-slow
# make lesson  docs/lesson.md with its numbers and pictures; with LESSON=--quick in some 4 minutes
# make docs    the site, in site/

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
GENAE := $(BIN)/genae
PYTEST := OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n auto --dist loadfile # a process a core: threads would fight for them
DEMO := demo

.PHONY: install demo lesson test test-slow lint docs clean

install: $(VENV)/installed


$(VENV)/plain: pyproject.toml models/pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e . -e ./models
	touch $@

$(VENV)/installed: $(VENV)/plain
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[test,export,hub,explore,browser]'
	-$(BIN)/python -c 'from genae.explore.runtime import files; files()' # of pages without a server, for their tests
	touch $@

demo: $(VENV)/plain
	@rm -rf $(DEMO)
	$(GENAE) models list
	$(GENAE) sample melody -n 4 --bars 16 --out $(DEMO)/clips
	$(GENAE) sample drums-2bar -n 4 --out $(DEMO)/drums
	@echo 'Models that are ready to use made $(DEMO)/clips/sample-1.wav and $(DEMO)/drums/sample-1.wav; now some are trained'
	$(GENAE) train mnist --data glyphs --epochs 12 --out $(DEMO)/run
	$(GENAE) sample $(DEMO)/run -n 64 --out $(DEMO)/samples
	$(GENAE) interpolate $(DEMO)/run glyphs:test:3 glyphs:test:8 glyphs:test:36 --steps 9 --loop --out $(DEMO)/morph
	$(GENAE) evaluate $(DEMO)/run --samples 100 --limit 200
	$(GENAE) train mnist-2d --data glyphs --epochs 6 --out $(DEMO)/plane
	$(GENAE) plot $(DEMO)/plane --kind manifold --out $(DEMO)/manifold.png
	$(GENAE) train melody --data tunes --steps 900 --set 'domain.programs=[0,31]' \
		--set 'stages=[{"sampler": {"name": "sequence", "steps": 600}}]' --out $(DEMO)/melody
	$(GENAE) sample $(DEMO)/melody -n 4 --bars 8 --best-of 8 --program 11 --out $(DEMO)/tunes
	$(GENAE) sample $(DEMO)/melody -n 2 --bars 16 --form AABA --program 73 --out $(DEMO)/form
	$(GENAE) interpolate $(DEMO)/melody tunes:test:3 tunes:test:300 --steps 9 --out $(DEMO)/tune-morph
	@echo 'Look at $(DEMO)/samples/grid.png, $(DEMO)/morph/morph.gif and $(DEMO)/manifold.png'
	@echo 'Listen to $(DEMO)/tunes/sample-1.wav and $(DEMO)/tune-morph/morph.wav'

lesson: $(VENV)/installed
	$(BIN)/python bench/lesson.py $(LESSON)

docs: $(VENV)/documenting
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --quiet
	@echo 'Look at site/index.html'

$(VENV)/documenting: $(VENV)/plain
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[docs]'
	touch $@

lint: $(VENV)/installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python tests/unused.py

test: lint
	$(PYTEST) -m 'not slow'

test-slow: $(VENV)/installed
	$(PYTEST) -m slow --verbose

clean:
	rm -rf $(VENV) $(DEMO) dist site
