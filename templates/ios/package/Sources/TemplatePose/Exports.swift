// SPDX-License-Identifier: Apache-2.0

/// One import is enough: `Pose`, `PeopleTracker` and the rest of the core come with the class.
@_exported import TemplatePoseCore
