# Klimakontrakt: `make help` lists what can be made. Everything is installed in .venv and node_modules, nothing outside
# this folder, except that `make test` as root may install Debian's chromium.

PYTHON ?= python3
BIN := .venv/bin
VENDOR := portal/static/vendor
MODULES := node_modules
LANGUAGES := nb
POT := portal/translations/messages.pot
CATALOGUES := $(patsubst %.po,%.mo,$(wildcard portal/translations/*/LC_MESSAGES/messages.po))
TEST ?= tests
JOBS ?= 2
BENCH ?= cycle

# Where it is set, each process that starts compiles every module anew: ten seconds that tests pay many times over.
unexport PYTHONDONTWRITEBYTECODE

# Node and npm of the build requirements come before any that the machine has: one version builds and tests everywhere.
NODE_PATH_FIRST := PATH="$(CURDIR)/$(BIN):$$PATH"
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet

.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

.PHONY: help
help: ## list what can be made
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1|\2/p' Makefile | column -t -s '|'

# -- using ------------------------------------------------------------------------------------------------------------

.PHONY: run
run: install ## install, migrate, load the demo, serve it on 127.0.0.1:8000 and print the sign-ins
	$(BIN)/portal migrate
	$(BIN)/portal demo
	$(BIN)/portal serve

.PHONY: install
install: .venv/.installed $(VENDOR)/.built $(CATALOGUES) ## install what the portal needs to run

.PHONY: wheel
wheel: install ## build dist/*.whl, which needs neither Node nor this checkout
	$(PIP) wheel --no-deps --no-build-isolation --wheel-dir dist .

# -- developing -------------------------------------------------------------------------------------------------------

.PHONY: test
test: install .venv/.installed-dev chromium ## run the tests: both databases and the browser. TEST=path for some of them
	$(BIN)/python -m pytest -n $(JOBS) --dist worksteal $(TEST)

.PHONY: check
check: install .venv/.installed-dev ## format, lint, types, bad habits, floors, migrations against the models, translations
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/bandit --quiet --recursive --configfile pyproject.toml portal
	$(BIN)/lint-imports --no-logo
	$(BIN)/portal check --migrations
	$(BIN)/python -m tests.catalogues $(LANGUAGES)

.PHONY: sbom
sbom: install .venv/.installed-dev ## list the parts of this release with their hashes in dist/sbom.json (CycloneDX)
	mkdir -p dist
	$(BIN)/cyclonedx-py requirements --output-reproducible --of JSON --output-file dist/sbom.json requirements.lock

.PHONY: soak
soak: install .venv/.installed-dev chromium ## what takes long: crash loops, many lives of a case sent whatever form, the demo on other days, the journeys of grid, Excel and signing in the browser, journeys in the other language and without JavaScript, repeats on PostgreSQL
	$(BIN)/python -m pytest -n $(JOBS) --dist worksteal -m soak $(TEST)

.PHONY: bench
bench: install ## measure: BENCH=cycle prints one JSON object last on stdout; docs/bench.md says how to read it
	@$(BIN)/python -m bench $(BENCH)

.PHONY: screenshots
screenshots: install .venv/.installed-dev chromium ## take the pictures in docs/screenshots anew
	mkdir -p docs/screenshots
	SCREENSHOTS=docs/screenshots $(BIN)/python -m pytest tests/browser/test_pages.py -k readme

.PHONY: front
front: $(VENDOR)/.built ## build the front end into portal/static/vendor

.PHONY: messages
messages: .venv/.installed ## collect the texts of code and templates, update the catalogues and compile them
	mkdir -p portal/translations
	$(BIN)/pybabel extract --mapping pyproject.toml --output-file $(POT) --add-location file --no-wrap \
		--project Klimakontrakt --copyright-holder Klimakontrakt --keywords lazy_gettext --add-comments TRANSLATORS: --strip-comments .
	for language in $(LANGUAGES); do \
		if [ -e portal/translations/$$language/LC_MESSAGES/messages.po ]; then verb="update --no-fuzzy-matching --ignore-pot-creation-date --no-wrap --ignore-obsolete"; \
		else verb=init; fi; \
		$(BIN)/pybabel $$verb --input-file $(POT) --output-dir portal/translations --locale $$language || exit 1; \
	done
	$(BIN)/pybabel compile --directory portal/translations

.PHONY: lock
lock: .venv/.installed-dev ## write the locks anew from requirements*.in and package.json, with no address inside
	for part in "" -build; do $(COMPILE) requirements$$part.in --output-file requirements$$part.lock || exit 1; done
	$(COMPILE) requirements-dev.in --constraints requirements.lock --constraints requirements-build.lock \
		--output-file requirements-dev.lock
	$(NODE_PATH_FIRST) npm install --package-lock-only
	$(BIN)/node --eval '$(WITHOUT_FUNDING)'
	! grep --line-number "://" requirements*.lock package-lock.json

COMPILE := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	--no-annotate --custom-compile-command "make lock" $(UPGRADE)
WITHOUT_FUNDING := const fs = require("fs"), name = "package-lock.json", lock = JSON.parse(fs.readFileSync(name)); \
	for (const entry of Object.values(lock.packages)) delete entry.funding; \
	fs.writeFileSync(name, JSON.stringify(lock, null, 2) + "\n");

.PHONY: chromium
chromium:
	@for name in chromium chromium-browser google-chrome; do command -v $$name >/dev/null && exit 0; done; \
	install="apt-get install --yes --no-install-recommends chromium"; \
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then export DEBIAN_FRONTEND=noninteractive; apt-get update --quiet=2 && $$install; \
	else echo "The tests need Chromium. Install it and run this again: sudo $$install" >&2; exit 1; fi

.PHONY: clean
clean: ## remove what was built; data in instance/ stays
	rm -rf build dist $(MODULES) $(VENDOR) $(CATALOGUES) $(POT) .venv/.installed .venv/.installed-dev

# -- stamps -----------------------------------------------------------------------------------------------------------

.venv/bin/python:
	$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed; say which: make PYTHON=python3.12 …") if sys.version_info < (3, 11) else 0'
	$(PYTHON) -m venv .venv

.venv/.installed: requirements.lock requirements-build.lock pyproject.toml | .venv/bin/python
	$(PIP) install --require-hashes --requirement requirements.lock
	$(PIP) install --require-hashes --requirement requirements-build.lock
	$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

.venv/.installed-dev: requirements-dev.lock .venv/.installed
	$(PIP) install --require-hashes --requirement requirements-dev.lock
	@touch $@

$(MODULES)/.installed: package-lock.json package.json .npmrc requirements-build.lock | .venv/.installed
	$(NODE_PATH_FIRST) npm ci --ignore-scripts --no-progress
	@touch $@

# The built files of others, each beside its licence.
$(VENDOR)/.built: $(MODULES)/.installed designsystemet.config.json
	rm -rf build/tokens build/theme $(VENDOR)
	mkdir -p build $(VENDOR)
	$(NODE_PATH_FIRST) npx --no-install designsystemet tokens create --clean >build/theme.log
	$(NODE_PATH_FIRST) npx --no-install designsystemet tokens build --tokens build/tokens --out-dir build/theme --clean >>build/theme.log
	cp build/theme/klima.css $(VENDOR)/theme.css
	cp $(MODULES)/@digdir/designsystemet-css/dist/src/index.css $(VENDOR)/designsystemet.css
	cp $(MODULES)/@digdir/designsystemet-css/LICENSE $(VENDOR)/designsystemet.LICENSE
	cp $(MODULES)/@digdir/designsystemet-web/dist/umd/index.js $(VENDOR)/designsystemet.js
	cp $(MODULES)/htmx.org/dist/htmx.min.js $(VENDOR)/htmx.js
	cp $(MODULES)/htmx.org/LICENSE $(VENDOR)/htmx.LICENSE
	cp $(MODULES)/@fontsource-variable/inter/files/inter-latin-wght-normal.woff2 \
		$(MODULES)/@fontsource-variable/inter/files/inter-latin-ext-wght-normal.woff2 $(VENDOR)
	cp $(MODULES)/@fontsource-variable/inter/LICENSE $(VENDOR)/inter.LICENSE
	mkdir $(VENDOR)/paper
	cp $(MODULES)/@expo-google-fonts/inter/400Regular/*.ttf $(MODULES)/@expo-google-fonts/inter/600SemiBold/*.ttf \
		$(MODULES)/@expo-google-fonts/noto-emoji/400Regular/*.ttf $(VENDOR)/paper
	cp $(MODULES)/@expo-google-fonts/inter/LICENSE_FONT $(VENDOR)/paper/inter.LICENSE
	cp $(MODULES)/@expo-google-fonts/noto-emoji/LICENSE_FONT $(VENDOR)/paper/noto-emoji.LICENSE
	@touch $@

%.mo: %.po | .venv/.installed
	$(BIN)/pybabel compile --input-file $< --output-file $@
