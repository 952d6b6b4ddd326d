"""Devices are refused before anything is computed."""
import pytest
import torch

from pyterrier_hybrid.encoding.devices import check_device


@pytest.mark.parametrize('device', [None, 'cpu'])
def test_devices_that_are_there(device):
    assert check_device(device) is None


@pytest.mark.parametrize('device', ['warp', 'cpu:x', '', 'cuda:99'])
def test_devices_that_are_not_there(device):
    with pytest.raises(ValueError, match=rf"the device '{device}' cannot be used \(.+\); give another one"):
        check_device(device)


def test_a_machine_without_a_gpu_says_so():
    if torch.cuda.is_available():
        pytest.skip('there is a GPU')
    with pytest.raises(ValueError, match="the device 'cuda' cannot be used"):
        check_device('cuda')
