"""All tests; most of what collecting them takes is importing what they test."""

import gc

gc.disable()  # until all is imported: conftest.py, pytest_collection_finish
