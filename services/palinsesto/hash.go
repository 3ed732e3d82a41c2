// SPDX-License-Identifier: AGPL-3.0-or-later

package palinsesto

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
)

// HashParts names exactly what a variant publishes: text, spans, media (by their own hash) and alt
// texts. Fields added later must be omitted when empty, so that yesterday's hashes still hold.
func HashParts(parts []Part) string { return hashJSON(parts) }

// HashVariants names what one approval covers.
func HashVariants(vs []Variant) string {
	sums := make([]string, 0, 2*len(vs))
	for _, v := range vs {
		sums = append(sums, v.Channel, v.Hash)
	}
	return hashJSON(sums)
}

// HashContent names what was written, whoever wrote it and however it was sent.
func HashContent(centre string, c Content) string {
	return hashJSON(struct {
		Centre string
		Content
	}{centre, c})
}

// hashJSON relies on encoding/json writing the fields of a struct in their order and on no value
// here that it refuses; a refusal would be a programming error.
func hashJSON(v any) string {
	raw, err := json.Marshal(v)
	if err != nil {
		panic("palinsesto: hash of an unmarshallable value: " + err.Error())
	}
	sum := sha256.Sum256(raw)
	return hex.EncodeToString(sum[:])
}
