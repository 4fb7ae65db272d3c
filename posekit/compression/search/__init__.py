"""Find the recipe of a file: trials on keypoints, a search within a budget, workers to run them."""

from posekit.compression.search.found import Searched
from posekit.compression.search.searching import search
from posekit.compression.search.trial import Problem, Trial, problem_of
from posekit.compression.search.tuning import Tuned, Tuning, check_means, tune

__all__ = ["Problem", "Searched", "Trial", "Tuned", "Tuning", "check_means", "problem_of", "search", "tune"]
