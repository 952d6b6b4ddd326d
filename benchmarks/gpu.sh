#!/bin/bash
# The figures of one GPU, in at most 8 minutes, without a network: encoding and training at XLM-R base's shape in
# bfloat16, shares of the matrix rate measured in the same run, encoding beside sentence-transformers, training too.
#
#     benchmarks/gpu.sh FOLDER            # rows of figures as JSON, and what was printed
#     TINY=1 benchmarks/gpu.sh FOLDER     # small sizes, multilingual-e5-small: whether the commands run, anywhere
#
# It has NOT run on a GPU. Its parts encode and train-gradcache have run on a processor with TINY=1. It uses .venv where
# the checkout has one, else python. Data and checkpoint are those of benchmarks/_data.py: PYTERRIER_HYBRID_DATA and
# PYTERRIER_HYBRID_E5. Each part has its own limit, and one that fails or is too slow leaves the others alone.
set -u
out=$(mkdir -p "$1" && cd "$1" && pwd) || exit 2
cd "$(dirname "$0")/.." || exit 2
[ -x .venv/bin/python ] && PATH=$PWD/.venv/bin:$PATH
export PYTHONPATH=$PWD HF_HUB_OFFLINE=1 TOKENIZERS_PARALLELISM=true
if [ -n "${TINY:-}" ]; then
    texts=4 rounds=1 batch=4 some=2 small=2 steps=1 limits=(600 600 600 600)
    options=(--pairs "${PYTERRIER_HYBRID_DATA:-../shared/data}/train/sections.qa.jsonl.xz")
else
    texts=8192 rounds=2 batch=1024 some=128 small=128 steps=8 options=(--bf16) limits=(130 105 105 105)
fi
failed=0

part() {  # NAME LIMIT SCRIPT OPTIONS...: runs a benchmark, keeps its rows and its output
    local name=$1 limit=$2 script=$3
    shift 3
    echo "== $name: $script $*"
    timeout "$limit" python "benchmarks/$script" "$@" --json "$out/$name.json" 2>"$out/$name.err" | tee "$out/$name.txt"
    [ "${PIPESTATUS[0]}" = 0 ] || { echo "$name failed:"; tail -n 3 "$out/$name.err"; failed=1; }
}

python -c "import torch; print(torch.__version__, torch.cuda.is_available() and torch.cuda.get_device_name())" |
    tee "$out/machine.txt"
base=$out/xlm-r-base
[ -n "${TINY:-}" ] && base=$(python -c "import sys; sys.path.insert(0, 'benchmarks'); import _data; print(_data.e5_small())")
[ -f "$base/config.json" ] || python benchmarks/encode_speed.py --model xlm-r-base --make "$base" || exit 1
part encode "${limits[0]}" encode_speed.py --model xlm-r-base --checkpoint "$base" --texts $texts --repeat $rounds \
    --dtypes auto
train=(trainer_speed.py --models pretrained --encoder "$base" "${options[@]}" --malloc default --steps $steps)
part train "${limits[1]}" "${train[@]}" --batch-size $small
part train-direct "${limits[2]}" "${train[@]}" --batch-size $batch --ways train
part train-gradcache "${limits[3]}" "${train[@]}" --batch-size $batch --ways train --mini-batch-size $some
exit $failed
