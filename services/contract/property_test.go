// SPDX-License-Identifier: AGPL-3.0-or-later

package contract

import (
	"fmt"
	"math"
	"reflect"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/reflect/protoregistry"
	"pgregory.net/rapid"

	"github.com/palinsesto/palinsesto/services/palinsesto"
)

var protoTypes = protoregistry.GlobalTypes

var (
	typeTime     = reflect.TypeFor[time.Time]()
	typeDuration = reflect.TypeFor[time.Duration]()
	typeContent  = reflect.TypeFor[palinsesto.Content]()
)

// arbitrary draws any value of T that the domain can hold, field by field: a field that is added to
// the domain and forgotten in the contract makes a round trip fail.
func arbitrary[T any]() *rapid.Generator[T] {
	return rapid.Custom(func(t *rapid.T) T {
		var v T
		fill(t, reflect.ValueOf(&v).Elem(), false)
		return v
	})
}

func fill(t *rapid.T, v reflect.Value, offsets bool) {
	switch v.Type() {
	case typeTime:
		v.Set(reflect.ValueOf(drawTime(t, offsets)))
		return
	case typeDuration:
		// What protobuf can say is more than what time.Duration can.
		v.SetInt(rapid.Int64().Draw(t, "duration"))
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			fill(t, v.Field(i), v.Type() == typeContent)
		}
	case reflect.Pointer:
		if rapid.Bool().Draw(t, "present") {
			v.Set(reflect.New(v.Type().Elem()))
			fill(t, v.Elem(), false)
		}
	case reflect.Slice:
		fillSlice(t, v)
	case reflect.String:
		v.SetString(rapid.String().Draw(t, "string"))
	case reflect.Bool:
		v.SetBool(rapid.Bool().Draw(t, "bool"))
	case reflect.Int:
		v.SetInt(int64(rapid.Int32().Draw(t, "int")))
	case reflect.Int64:
		v.SetInt(rapid.Int64().Draw(t, "int64"))
	case reflect.Uint64:
		v.SetUint(rapid.Uint64().Draw(t, "uint64"))
	case reflect.Uint8:
		v.SetUint(uint64(rapid.Byte().Draw(t, "byte")))
	default:
		t.Fatalf("the contract has no test for a field of type %s", v.Type())
	}
}

func fillSlice(t *rapid.T, v reflect.Value) {
	n := rapid.IntRange(0, 3).Draw(t, "length")
	if n == 0 {
		return // an empty list is nil, see the package comment
	}
	v.Set(reflect.MakeSlice(v.Type(), n, n))
	for i := range n {
		fill(t, v.Index(i), false)
	}
}

// drawTime draws the zero time, or an instant to the nanosecond, with an offset in whole minutes if asked.
func drawTime(t *rapid.T, offset bool) time.Time {
	if rapid.Bool().Draw(t, "zero time") {
		return time.Time{}
	}
	sec := rapid.Int64Range(-62135510400, 253402214400).Draw(t, "seconds") // a day inside the years 1 to 9999
	at := time.Unix(sec, rapid.Int64Range(0, 999_999_999).Draw(t, "nanoseconds")).UTC()
	if offset {
		return at.In(time.FixedZone("", 60*rapid.IntRange(-1439, 1439).Draw(t, "offset")))
	}
	return at
}

func portableValue(v reflect.Value) any {
	if !v.IsValid() {
		return nil
	}
	if v.Type() == typeTime {
		return fmt.Sprint(v.MethodByName("Format").Call([]reflect.Value{reflect.ValueOf("2006-01-02T15:04:05.999999999-07:00:00")})[0])
	}
	switch v.Kind() {
	case reflect.Struct:
		out := map[string]any{}
		for i := range v.NumField() {
			out[v.Type().Field(i).Name] = portableValue(v.Field(i))
		}
		return out
	case reflect.Pointer:
		if v.IsNil() {
			return nil
		}
		return portableValue(v.Elem())
	case reflect.Slice:
		if v.IsNil() {
			return nil
		}
		out := make([]any, v.Len())
		for i := range out {
			out[i] = portableValue(v.Index(i))
		}
		return out
	default:
		return v.Interface()
	}
}

func roundTripEvent[T any](codec Codec[T]) func(*rapid.T) {
	return func(t *rapid.T) {
		e, state := arbitrary[Envelope]().Draw(t, "envelope"), arbitrary[T]().Draw(t, "state")
		b, err := codec.Encode(e, state)
		require.NoError(t, err)
		e2, state2, err := codec.Decode(b)
		require.NoError(t, err)
		requireSame(t, e, e2)
		requireSame(t, state, state2)
	}
}

func roundTrip[T any](encode func(T) ([]byte, error), decode func([]byte) (T, error)) func(*rapid.T) {
	return func(t *rapid.T) {
		v := arbitrary[T]().Draw(t, "value")
		b, err := encode(v)
		require.NoError(t, err)
		v2, err := decode(b)
		require.NoError(t, err)
		requireSame(t, v, v2)
	}
}

func TestRoundTrip(t *testing.T) {
	for name, property := range map[string]func(*rapid.T){
		"segnalazioni":  roundTripEvent(Segnalazioni),
		"posts":         roundTripEvent(Posts),
		"channels":      roundTripEvent(Channels),
		"tokens":        roundTripEvent(Tokens),
		"holds":         roundTripEvent(Holds),
		"alerts":        roundTripEvent(Alerts),
		"submit":        roundTrip(EncodeSubmit, DecodeSubmit),
		"revise":        roundTrip(EncodeRevise, DecodeRevise),
		"approve":       roundTrip(EncodeApprove, DecodeApprove),
		"decide":        roundTrip(EncodeDecide, DecodeDecide),
		"post command":  roundTrip(EncodePostCommand, DecodePostCommand),
		"requeue many":  roundTrip(EncodeRequeueMany, DecodeRequeueMany),
		"place hold":    roundTrip(EncodePlaceHold, DecodePlaceHold),
		"lift hold":     roundTrip(EncodeLiftHold, DecodeLiftHold),
		"set channel":   roundTrip(EncodeSetChannel, DecodeSetChannel),
		"accept media":  roundTrip(EncodeAcceptMedia, DecodeAcceptMedia),
		"derive media":  roundTrip(EncodeDeriveMedia, DecodeDeriveMedia),
		"seg reply":     roundTrip(EncodeSegReply, DecodeSegReply),
		"post reply":    roundTrip(EncodePostReply, DecodePostReply),
		"requeued":      roundTrip(EncodeRequeued, DecodeRequeued),
		"stopped":       roundTrip(EncodeStopped, DecodeStopped),
		"channel reply": roundTrip(EncodeChannelReply, DecodeChannelReply),
		"media reply":   roundTrip(EncodeMediaReply, DecodeMediaReply),
		"refusal": func(t *rapid.T) {
			e := arbitrary[palinsesto.Error]().Draw(t, "refusal")
			e.Code += "x" // an empty code is a fault of ours, see TestRefusalNeverNil
			requireSame(t, &e, DecodeRefusal(EncodeRefusal(&e)))
		},
	} {
		t.Run(name, func(t *testing.T) { rapid.Check(t, property) })
	}
}

// TestTimes holds the corners of time that a uniform draw does not meet.
func TestTimes(t *testing.T) {
	lmt := time.FixedZone("LMT", 49*60+56) // Rome until 1866
	for name, c := range map[string]struct {
		in, want time.Time
		refused  bool
	}{
		"zero":               {in: time.Time{}},
		"zero of some place": {in: time.Time{}.In(rome), want: time.Time{}},
		"unix epoch":         {in: time.Unix(0, 0).UTC(), want: time.Unix(0, 0).UTC()},
		"a nanosecond":       {in: time.Unix(0, 1).In(rome), want: time.Unix(0, 1).In(rome)},
		"offset has seconds": {in: time.Unix(0, 0).In(lmt), want: time.Unix(0, 0).In(time.FixedZone("", 49*60))},
		"year 10000":         {in: time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC), refused: true},
		"year 0":             {in: time.Date(0, 1, 1, 0, 0, 0, 0, time.UTC), refused: true},
		"10000 only in UTC":  {in: time.Date(9999, 12, 31, 23, 0, 0, 0, time.FixedZone("", -7200)), refused: true},
		"a day of offset":    {in: time.Unix(0, 0).In(time.FixedZone("", 86400)), refused: true},
	} {
		t.Run(name, func(t *testing.T) {
			b, err := Segnalazioni.Encode(Envelope{}, palinsesto.Segnalazione{Content: palinsesto.Content{StartsAt: c.in}})
			if c.refused {
				require.Equal(t, palinsesto.CodeInvalid, palinsesto.CodeOf(err))
				return
			}
			require.NoError(t, err)
			_, s, err := Segnalazioni.Decode(b)
			require.NoError(t, err)
			requireSame(t, c.want, s.StartsAt)
		})
	}
	_, err := Posts.Encode(Envelope{}, palinsesto.Post{Due: time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)})
	require.Equal(t, palinsesto.CodeInvalid, palinsesto.CodeOf(err))
	_, err = Posts.Encode(Envelope{}, palinsesto.Post{Retries: math.MaxInt32 + 1})
	require.Equal(t, palinsesto.CodeInvalid, palinsesto.CodeOf(err))
}
