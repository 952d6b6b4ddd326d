"""The kinds of settings, and the columns of a result's frames."""
#: The kinds of settings, in the order of the tables.
SETTING_KINDS = ('monolingual', 'crosslingual', 'multilingual')
CELL = ['system', 'setting', 'query_lang', 'doc_lang', 'measure']
COLUMNS = [*CELL, 'qid', 'value']
BLANK_COLUMNS = [*CELL, 'reason']
MATRIX_COLUMNS = ['system', 'query_lang', 'doc_lang', 'rank', 'AP', 'n']
CHANCE_COLUMNS = ['measure', 'query_lang', 'value']
