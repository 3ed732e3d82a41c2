// SPDX-License-Identifier: AGPL-3.0-or-later

// Package conformance holds tests that read the repository as files: what must stand at its root, the
// licence on every file, links that lead somewhere, and a rule of imports for every package.
package conformance
