// SPDX-License-Identifier: AGPL-3.0-or-later

package bus

// AsReplicated has a bus believe that several servers keep the log.
func AsReplicated(b *Bus) { b.o.Replicas = 3 }
