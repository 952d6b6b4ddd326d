"""The public names: there, annotated, documented, and known to a type checker."""
import importlib
import inspect
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
LARGE = ('torch', 'transformers', 'sentence_transformers', 'datasets', 'pyarrow', 'scipy', 'sklearn', 'matplotlib',
         'faiss', 'ray', 'accelerate', 'huggingface_hub', 'statsmodels', 'tokenizers', 'networkx', 'sympy')  # fmt: skip
ROOMS = ['pyterrier_hybrid', *(f'pyterrier_hybrid.{path.parent.name}' for path in
         sorted((ROOT / 'pyterrier_hybrid').glob('*/__init__.pyi'))), 'datasets_ext']  # fmt: skip


def callables(room):
    """The public functions, classes and methods of a room, by their full names."""
    module = importlib.import_module(room)
    for name in module.__all__:
        thing = getattr(module, name)
        if inspect.isclass(thing):
            if '__init__' in vars(thing):
                yield f'{room}.{name}', thing.__init__
            for method, found in vars(thing).items():
                found = found.__func__ if isinstance(found, classmethod | staticmethod) else found
                if not method.startswith('_') and inspect.isfunction(found):
                    yield f'{room}.{name}.{method}', found
        elif inspect.isfunction(thing):
            yield f'{room}.{name}', thing


@pytest.mark.parametrize('room', ROOMS)
def test_every_public_parameter_and_result_is_annotated(room):
    missing = []
    for name, function in callables(room):
        signature = inspect.signature(function)
        parameters = [p for p in signature.parameters.values() if p.name not in ('self', 'cls')]
        missing += [f'{name}({p.name})' for p in parameters if p.annotation is p.empty]
        if signature.return_annotation is signature.empty and not name.endswith(function.__qualname__.split('.')[0]):
            missing.append(f'{name} -> ?')
    assert not missing


@pytest.mark.parametrize('room', ROOMS)
def test_every_public_name_has_a_docstring(room):
    module = importlib.import_module(room)
    assert module.__doc__
    things = [getattr(module, name) for name in module.__all__]
    assert not [thing for thing in things if callable(thing) and not inspect.getdoc(thing)]


def test_a_type_checker_knows_the_public_names(tmp_path):
    """A user's script under mypy --strict: the lazy names have their types, not Any and not object."""
    script = tmp_path / 'script.py'
    script.write_text(
        'from ir_measures import AP\n'
        'import pyterrier_hybrid as ph\n'
        "encoder = ph.HybridEncoder('runs/hybrid', dtype='float32')\n"
        'reveal_type(encoder.encode_queries)\n'
        "index = ph.MultilingualIndex('x.flex')\n"
        'reveal_type(index)\n'
        "pairs = ph.ParallelPairs('runs/pairs')\n"
        "reveal_type(ph.train(pairs, 'runs/x', backbone='static', mix={'monolingual': 1.0}))\n"
        "reveal_type(ph.MultilingualExperiment({'x': (encoder, index)}, 'xquad-r', [AP]))\n"
        "encoder.encode_docs(3)\n"
    )
    settings = tmp_path / 'mypy.ini'  # large packages are not read: that takes a minute
    settings.write_text(
        f'[mypy]\nstrict = True\nignore_missing_imports = True\nfollow_imports = silent\ncache_dir = {tmp_path}\n'
        f'[mypy-{",".join(f"{name}.*" for name in LARGE)}]\nfollow_imports = skip\n'
    )
    command = [sys.executable, '-m', 'mypy', '--config-file', str(settings), str(script)]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert 'Revealed type is "pyterrier_hybrid.indexing.index.MultilingualIndex"' in run.stdout
    assert 'pyterrier_hybrid.encoding.encoder.HybridEncoder' in run.stdout
    assert 'pyterrier_hybrid.experiment.result.Result' in run.stdout
    errors = [line for line in run.stdout.splitlines() if 'error' in line]
    assert len(errors) == 2 and 'script.py:10' in errors[0] and 'Found 1 error' in errors[1]
