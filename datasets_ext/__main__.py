"""ir_datasets' command line with the ids of this package: ``python -m datasets_ext export xquad-r/en qrels``.

The command ``ir_datasets`` itself cannot know them: it has no plug-in mechanism (allenai/ir_datasets#297).
"""
import ir_datasets

import datasets_ext  # noqa: F401  (registers the data sets)

if __name__ == '__main__':
    ir_datasets.main_cli()
