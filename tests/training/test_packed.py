"""What a transformer computes of packed texts is what it computes of padded ones, and so are its gradients."""
import pytest
import torch
from sentence_transformers import SentenceTransformer
from sentence_transformers.base.modules import Transformer
from sentence_transformers.sentence_transformer.modules import Normalize, Pooling
from transformers import AutoTokenizer, BertConfig, BertModel, ModernBertConfig, ModernBertModel

from pyterrier_hybrid.encoding.compact import small_backbone
from pyterrier_hybrid.training.packed import Blocks, can_be_packed, packed

TEXTS = ['one', 'a b c d e f g h i j', 'topic0 topic1', 'de question 3 about topic5', '', 'a b c d e f g h']


@pytest.fixture(params=['xlm-roberta', 'bert', 'modernbert'])
def model(request, tiny_folder, tiny_transformer, tmp_path):
    """A model of each family, without dropout."""
    if request.param == 'modernbert':
        made = small_backbone(TEXTS, vocab_size=60, dimension=16, layers=2, heads=2, max_length=32)
    elif request.param == 'bert':
        sizes = {'hidden_size': 16, 'num_hidden_layers': 2, 'num_attention_heads': 2, 'intermediate_size': 32}
        torch.manual_seed(0)
        BertModel(BertConfig(vocab_size=400, **sizes), add_pooling_layer=False).save_pretrained(tmp_path)
        AutoTokenizer.from_pretrained(tiny_folder).save_pretrained(tmp_path)
        made = SentenceTransformer(modules=[Transformer(str(tmp_path)), Pooling(16, 'mean'), Normalize()], device='cpu')
    else:
        made = tiny_transformer
    assert made[0].model.config.model_type == request.param and can_be_packed(made)
    return made.eval()


def vectors_and_gradients(model, texts=TEXTS):
    model.zero_grad()
    vectors = model(model.preprocess(texts))['sentence_embedding']
    (vectors @ torch.linspace(-1, 1, vectors.shape[1])).square().sum().backward()
    return vectors.detach(), {name: w.grad for name, w in model.named_parameters() if w.grad is not None}


def check_packed(model, texts=TEXTS):
    vectors, gradients = vectors_and_gradients(model, texts)
    with packed(model):
        found, found_gradients = vectors_and_gradients(model, texts)
    torch.testing.assert_close(found, vectors, rtol=0, atol=1e-5)
    assert found_gradients.keys() == gradients.keys()
    for name, gradient in gradients.items():
        torch.testing.assert_close(found_gradients[name], gradient, rtol=1e-4, atol=1e-5, msg=name)


def test_vectors_and_gradients_are_those_of_padded_texts(model):
    check_packed(model)


@pytest.mark.parametrize('window', [{}, {'local_attention': 8}], ids=['128', '8'])
def test_modernberts_sliding_windows_are_its_own(window):
    """Of its layers, two of three see half a window to each side, as they do in every released checkpoint."""
    model = small_backbone(TEXTS, vocab_size=60, dimension=16, layers=1, heads=2, max_length=256)
    config = ModernBertConfig(
        vocab_size=60, hidden_size=16, intermediate_size=32, num_hidden_layers=4, num_attention_heads=2,
        initializer_range=0.3, pad_token_id=0, **window,
    )  # fmt: skip
    assert config.layer_types == ['full_attention', *['sliding_attention'] * 2, 'full_attention']
    torch.manual_seed(0)
    model[0].model = ModernBertModel(config)
    texts = [' '.join('abcdefghij'[(i * i + n) % 10] for i in range(n)) for n in (150, 149, 100, 66, 64, 9, 5, 4)]
    assert can_be_packed(model) and model.preprocess(texts)['input_ids'].shape[1] > 150
    check_packed(model.eval(), texts)


def test_little_is_padding_and_the_model_is_left_as_it_was(model):
    inner, seen = model[0].model, []
    before = inner.config._attn_implementation
    watched = inner.embeddings.register_forward_hook(lambda *_: seen.append(_[2].shape))
    with pytest.raises(RuntimeError, match='in the middle'), packed(model):
        features = model.preprocess(TEXTS)
        model(dict(features))
        raise RuntimeError('in the middle')
    watched.remove()
    tokens = features['attention_mask'].sum().item()
    assert tokens <= seen[0][1] < features['input_ids'].numel() * 0.8
    assert 'forward' not in vars(inner) and inner.config._attn_implementation == before


def test_blocks_go_there_and_back():
    lengths = torch.tensor([3, 9, 1, 8, 9, 0])
    mask = (torch.arange(9) < lengths[:, None]).long()
    blocks = Blocks.of(mask)
    assert blocks.shapes == [(3, 9), (1, 3), (1, 1), (1, 1)]  # 8 of 9 is .89; a text of no token has one place
    values = torch.arange(6 * 9, dtype=torch.float32).view(6, 9, 1) + 1
    there = blocks.pack(values)
    assert there.shape == (1, 27 + 3 + 1 + 1, 1)
    back = blocks.unpack(there, 9)
    assert torch.equal(back * mask[..., None], values * mask[..., None])


def test_a_model_that_pads_on_the_left_is_not_packed(tiny_transformer):
    tiny_transformer[0].tokenizer.padding_side = 'left'
    assert not can_be_packed(tiny_transformer)
