// SPDX-License-Identifier: AGPL-3.0-or-later

// Package palinsesto is the domain: what a newsroom of offices works with (segnalazioni, posts,
// channels, holds), which states they may be in, who may do what, and the errors that people read.
//
// It says what the house does, never how: it imports the standard library only, and every room
// imports it. Words are those of the glossary in services/README.md.
package palinsesto
