// SPDX-License-Identifier: AGPL-3.0-or-later

package contract

import "google.golang.org/protobuf/encoding/protowire"

// The fields by which every event begins with its envelope, and every envelope tells its trace.
const (
	fieldEnvelope protowire.Number = 1
	fieldTrace    protowire.Number = 5
)

// TraceIn reads the traceparent of an event of any aggregate, without decoding the rest; empty: none.
func TraceIn(event []byte) string { return string(bytesAt(bytesAt(event, fieldEnvelope), fieldTrace)) }

// bytesAt is the first field of that number that holds bytes; nil where there is none.
func bytesAt(b []byte, want protowire.Number) []byte {
	for len(b) > 0 {
		num, typ, n := protowire.ConsumeTag(b)
		if n < 0 {
			return nil
		}
		b = b[n:]
		if num == want && typ == protowire.BytesType {
			v, n := protowire.ConsumeBytes(b)
			if n < 0 {
				return nil
			}
			return v
		}
		if n = protowire.ConsumeFieldValue(num, typ, b); n < 0 {
			return nil
		}
		b = b[n:]
	}
	return nil
}
