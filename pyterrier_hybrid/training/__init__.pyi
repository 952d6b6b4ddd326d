from .arguments import TrainingArguments as TrainingArguments
from .averaging import average_weights as average_weights
from .language_subspace import remove_language_subspace as remove_language_subspace
from .prepared import check_training as check_training
from .record import verify_run as verify_run
from .trainer import train as train
from .validation import ValidationSet as ValidationSet
from .whitening import whiten as whiten
