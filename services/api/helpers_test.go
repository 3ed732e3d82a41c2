// SPDX-License-Identifier: AGPL-3.0-or-later

package api

import (
	"bytes"
	"image"
	"image/color"
	"image/png"
	"math/rand/v2"
	"time"

	"github.com/palinsesto/palinsesto/services/contract"
	"github.com/palinsesto/palinsesto/services/palinsesto"
)

func envelope() contract.Envelope {
	return contract.Envelope{Actor: palinsesto.Room("test"), At: time.Now()}
}

// picture is a PNG that is like no other.
func picture() []byte {
	m := image.NewRGBA(image.Rect(0, 0, 64, 64))
	for x := range 64 {
		for y := range 64 {
			m.Set(x, y, color.RGBA{uint8(rand.IntN(256)), uint8(x * 4), uint8(y * 4), 255})
		}
	}
	var b bytes.Buffer
	if err := png.Encode(&b, m); err != nil {
		panic(err)
	}
	return b.Bytes()
}
