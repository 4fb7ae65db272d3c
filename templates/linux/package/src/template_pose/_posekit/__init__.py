# SPDX-License-Identifier: Apache-2.0
"""The parts of posekit's own code that this model's poses come from; decoding here is decoding there."""
