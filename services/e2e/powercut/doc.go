// SPDX-License-Identifier: AGPL-3.0-or-later

// Package powercut is a disk that loses power: a file system mounted with FUSE that keeps every write back
// until somebody flushes it, and on Cut forgets what nobody flushed. The whole-house test here runs the
// program on it and holds what it acknowledged against what is left.
//
// What a flush promises is taken from fsync(2), fdatasync(2) and open(2):
//
//   - fsync and fdatasync of a file keep its content and its length, as do writes through O_SYNC or O_DSYNC;
//   - "Calling fsync() does not necessarily ensure that the entry in the directory containing the file has
//     also reached disk. For that an explicit fsync() on a file descriptor for the directory is also
//     needed": see Names for the two ways to read this;
//   - close, rename and the end of a process flush nothing;
//   - a directory with the D of chattr(1) flushes its names at once.
//
// Permissions and times are not held back: nothing in the house rests on them.
//
// Content lies in memory, twice: as programs see it and as the platters have it. So a cut is exact to the
// write, an inode can be on the disk before it has a name there, and nothing is left behind.
package powercut
