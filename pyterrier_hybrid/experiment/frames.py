"""The kinds of settings, the default measures, and the columns of a result's frames."""
#: The kinds of settings, in the order of the tables.
SETTING_KINDS = ('monolingual', 'crosslingual', 'multilingual')
#: The default measures of a study and of the command line, in ir_measures' names. Not R@1: with a relevant passage in
#: each of 11 languages, it is at most 1/11.
DEFAULT_MEASURES = ('AP', 'nDCG@10', 'R@10', 'RankDistance', 'LPR')
CELL = ['system', 'setting', 'query_lang', 'doc_lang', 'measure']
COLUMNS = [*CELL, 'qid', 'value']
BLANK_COLUMNS = [*CELL, 'reason']
MATRIX_COLUMNS = ['system', 'query_lang', 'doc_lang', 'rank', 'AP', 'n']
CHANCE_COLUMNS = ['measure', 'query_lang', 'value']
