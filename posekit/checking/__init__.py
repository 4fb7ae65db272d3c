"""Is the contract right? Its plausible alternatives, tried on the user's pictures; and the training code's predictions."""

from posekit.checking.check import Check, QuickLook, check, check_network, network_of, quick, quick_network
from posekit.checking.contract import ContractStage, contract_stage
from posekit.checking.model import Checked, check_model, stage_of
from posekit.checking.verdict import Alternative, FieldCheck

__all__ = [
    "Alternative",
    "Check",
    "Checked",
    "ContractStage",
    "FieldCheck",
    "QuickLook",
    "check",
    "check_model",
    "check_network",
    "contract_stage",
    "network_of",
    "quick",
    "quick_network",
    "stage_of",
]
