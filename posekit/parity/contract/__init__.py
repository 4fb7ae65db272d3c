"""Is the contract right? Its plausible alternatives, tried on the user's pictures; and the training code's
predictions."""

from posekit.parity.contract.check import (
    ContractCheck,
    QuickLook,
    check,
    check_network,
    network_of,
    quick,
    quick_network,
)
from posekit.parity.contract.contract import ContractStep, contract_step
from posekit.parity.contract.verdict import Alternative, FieldCheck

__all__ = [
    "Alternative",
    "ContractCheck",
    "ContractStep",
    "FieldCheck",
    "QuickLook",
    "check",
    "check_network",
    "contract_step",
    "network_of",
    "quick",
    "quick_network",
]
