"""``pyterrier-hybrid index``: indexes a collection's passages, with an encoder or for BM25."""
import argparse
import shlex
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from .options import add_ray, ray_resources
from .parser import CommandParser, WrongArguments

if TYPE_CHECKING:
    from pyterrier_hybrid.indexing import MultilingualIndex

HELP = "index a collection's passages"
DESCRIPTION = """\
Indexes the passages of a collection, in all of its languages or in some: with an encoder into a dense index, or with
--bm25 into an index of terms, analysed language by language. A build that was stopped leaves no index; for a dense
index, --mode resume continues it.
"""
EXAMPLES = """\
examples:
  pyterrier-hybrid index --dataset worldfacts --encoder runs/hybrid --out runs/hybrid.flex
  pyterrier-hybrid index --dataset xquad-r --bm25 --out runs/xquad-r.bm25
  pyterrier-hybrid index --dataset xquad-r --encoder sentence-transformers/LaBSE --out labse.flex --mode resume
  RAY_ADDRESS=auto pyterrier-hybrid index --dataset miracl-multi --encoder intfloat/multilingual-e5-small --ray \\
      --ray-cpus 4 --ray-gpus 1 --encoder-dtype bfloat16 --out /shared/miracl.index
"""


def add_options(parser: CommandParser) -> None:
    """Adds the command's own options to its parser."""
    parser.add_argument('--dataset', required=True, help='collection, such as worldfacts, xquad-r, mlqa-r')
    parser.add_argument('--languages', nargs='+', metavar='L', help='of the passages (default: all)')
    parser.add_argument('--encoder', metavar='PATH_OR_NAME', help="a trained encoder's folder, or a model's hub name")
    parser.add_argument('--preset', help='how to use a local checkpoint: xlm-r, labse or mdpr')
    parser.add_argument('--bm25', action='store_true', help='index terms, for BM25')
    parser.add_argument('--out', type=Path, required=True, help='folder of the index')
    parser.add_argument('--mode', choices=('create', 'overwrite', 'resume'), default='create',
                        help='create (default; refuses an index that is there), overwrite it, or, for a dense index, '
                        'resume a build that was stopped')  # fmt: skip
    parser.add_argument('--device', help='cpu, cuda, ... (default: cuda if there is one)')
    parser.add_argument('--encoder-dtype', choices=('auto', 'float32', 'bfloat16', 'float16'), default='auto',
                        help='precision in the encoder (default: bfloat16 where the processor or GPU has hardware '
                        'for it, else float32)')  # fmt: skip
    parser.add_argument('--ray', action='store_true', help='encode on the workers of the Ray cluster at RAY_ADDRESS, '
                        'or of this machine; the index is the same')  # fmt: skip
    parser.add_argument('--workers', type=int, metavar='N', help='on Ray (default: as many as the cluster holds)')
    parser.add_argument('--shards', metavar='FOLDER_OR_URL', help='on Ray, where finished shards are kept until the '
                        'end: a folder that all machines see, or s3://... (default: beside the index)')  # fmt: skip
    add_ray(parser, 'worker')


def run(arguments: argparse.Namespace) -> Path | None:
    """Indexes; returns the index's folder, or None if it was finished before."""
    from pyterrier_hybrid.encoding.devices import check_device

    if arguments.bm25 == (arguments.encoder is not None):
        raise WrongArguments('give either --encoder, for a dense index, or --bm25')
    if arguments.bm25 and (arguments.mode == 'resume' or arguments.preset):
        raise WrongArguments('--preset and --mode resume are for a dense index; --bm25 takes neither')
    resources = ray_resources(arguments)
    given = next((name for name in ('workers', 'shards') if getattr(arguments, name) is not None), None)
    if given and not arguments.ray:
        raise WrongArguments(f'--{given} is for an index that is built on Ray; give --ray too')
    if arguments.bm25 and arguments.ray:
        raise WrongArguments('--ray is for a dense index; --bm25 is built in one process')
    if arguments.mode == 'create' and arguments.out.exists():
        raise FileExistsError(f'{arguments.out} exists already; replace it with --mode overwrite, or change --out')
    check_device(arguments.device)
    collection, verbose = _Passages(arguments.dataset, arguments.languages), not arguments.quiet
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    if arguments.bm25:
        from pyterrier_hybrid.lexical import BM25Index

        index, encoder = BM25Index(arguments.out, verbose=verbose), None
        index.indexer(mode=arguments.mode).index(iter(collection))
    else:
        from pyterrier_hybrid.encoding import HybridEncoder
        from pyterrier_hybrid.indexing import MultilingualIndex
        from pyterrier_hybrid.indexing.build import Build
        from pyterrier_hybrid.indexing.modes import is_finished

        encoder = HybridEncoder(
            arguments.encoder, preset=arguments.preset, device=arguments.device, dtype=arguments.encoder_dtype
        )
        index = MultilingualIndex(arguments.out, verbose=verbose)
        if arguments.mode == 'resume' and is_finished(index, Build(index.path)):
            _leave_finished(index, encoder, collection)
            return None
        if arguments.ray:
            from pyterrier_hybrid.distributed import Resources, build_index

            index = build_index(
                encoder, collection, arguments.out, mode=arguments.mode, workers=arguments.workers,
                resources=Resources(**resources), shards=arguments.shards, verbose=verbose,
            )  # fmt: skip
        else:
            indexer = index.indexer(mode=arguments.mode, encoder=encoder)
            (encoder.doc_encoder() >> indexer).index(indexer.remaining(collection))
    index.annotate(command=_command(arguments), encoder=encoder)
    languages = index.langs() if arguments.bm25 else index.languages()
    print(f'{len(index):,} passages in {len(languages)} languages are indexed in {arguments.out}')
    return arguments.out


class _Passages:
    """The passages of a collection, with questions or without, in all of its languages or in some.

    Raises ValueError for a language that it does not have. If only its passages say which it has, all of them are read
    for that first.
    """

    def __init__(self, dataset: str, languages: list[str] | None):
        from datasets_ext.opening import in_languages, name_of, open_dataset
        from pyterrier_hybrid.languages import check_languages

        self._view = open_dataset(dataset)
        self.name: str = name_of(self._view)
        self._languages = None
        if languages is not None:
            self._view, known = in_languages(self._view, languages)
            known = known or self.counts()
            self._languages = check_languages(languages, known, f'the collection {self.name}')

    def __iter__(self) -> Iterator[dict]:
        docs, chosen = self._view.get_corpus_iter(verbose=False), self._languages
        return iter(docs) if chosen is None else (doc for doc in docs if _lang(doc) in chosen)

    def counts(self) -> Counter:
        """Passages by language."""
        return Counter(map(_lang, self))


def _lang(doc: dict) -> str:
    """The language of a passage; raises ValueError, with its docno, if it has none."""
    from pyterrier_hybrid.indexing.documents import check_lang

    return check_lang(doc, doc.get('docno'))


def _leave_finished(index: 'MultilingualIndex', encoder: object, collection: _Passages) -> None:
    """Prints that a finished index has nothing to resume; raises ValueError for another encoder or collection."""
    counts = collection.counts()
    passages, languages = counts.total(), sorted(counts)
    held = index.open()
    if (len(index), sorted(held.languages)) != (passages, languages):
        raise ValueError(
            f'the finished index at {index.path} has {len(index):,} passages in {", ".join(held.languages)}, and '
            f'{collection.name} has {passages:,} in {", ".join(languages)}; build it again '
            'with --mode overwrite, or change --out'
        )
    index.indexer(mode='resume', encoder=encoder).index([])  # removes the files of a build that was killed at its end
    print(f'{index.path} is finished, nothing is left to resume')


def _command(arguments: argparse.Namespace) -> str:
    """The command that makes this index, for its card."""
    words = ['pyterrier-hybrid', 'index', '--dataset', arguments.dataset]
    words += ['--languages', *arguments.languages] if arguments.languages else []
    words += ['--bm25'] if arguments.bm25 else ['--encoder', arguments.encoder]
    words += ['--preset', arguments.preset] if arguments.preset else []
    words += ['--encoder-dtype', arguments.encoder_dtype] if arguments.encoder_dtype != 'auto' else []
    return shlex.join([*map(str, words), '--out', arguments.out.name])
