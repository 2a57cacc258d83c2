package http2

import (
	"fmt"

	"fairlead.dev/fairlead/message"
)

// Code says why a stream or a connection ended (RFC 9113 7).
type Code uint32

// The codes of RFC 9113 7.
const (
	CodeNone               Code = 0x0
	CodeProtocol           Code = 0x1
	CodeInternal           Code = 0x2
	CodeFlowControl        Code = 0x3
	CodeSettingsTimeout    Code = 0x4
	CodeStreamClosed       Code = 0x5
	CodeFrameSize          Code = 0x6
	CodeRefusedStream      Code = 0x7
	CodeCancel             Code = 0x8
	CodeCompression        Code = 0x9
	CodeConnect            Code = 0xa
	CodeEnhanceYourCalm    Code = 0xb
	CodeInadequateSecurity Code = 0xc
	CodeHTTP11Required     Code = 0xd
)

// String returns the name that RFC 9113 7 gives the code.
func (c Code) String() string {
	names := [...]string{
		"NO_ERROR", "PROTOCOL_ERROR", "INTERNAL_ERROR", "FLOW_CONTROL_ERROR", "SETTINGS_TIMEOUT", "STREAM_CLOSED",
		"FRAME_SIZE_ERROR", "REFUSED_STREAM", "CANCEL", "COMPRESSION_ERROR", "CONNECT_ERROR", "ENHANCE_YOUR_CALM",
		"INADEQUATE_SECURITY", "HTTP_1_1_REQUIRED",
	}
	if int(c) < len(names) {
		return names[c]
	}
	return fmt.Sprintf("code %#x", uint32(c))
}

// ConnError ends a connection (RFC 9113 5.4.1).
type ConnError struct {
	Code Code
	// Detail says what was found.
	Detail string
	// Remote is true when the peer said so, in a GOAWAY frame.
	Remote bool
}

// Error returns code and detail.
func (e *ConnError) Error() string {
	if e.Remote {
		return fmt.Sprintf("the peer ended the connection with %s: %q", e.Code, e.Detail)
	}
	return fmt.Sprintf("connection error %s: %s", e.Code, e.Detail)
}

// StreamError ends a stream (RFC 9113 5.4.2).
type StreamError struct {
	Stream uint32
	Code   Code
	// Detail says what was found; "" when the peer sent RST_STREAM.
	Detail string
	// Reason is what the log and the metrics say, ReasonNone for the usual one.
	Reason message.Reason
}

// Error returns code and detail.
func (e *StreamError) Error() string {
	if e.Detail == "" {
		return fmt.Sprintf("the peer reset stream %d with %s", e.Stream, e.Code)
	}
	return fmt.Sprintf("stream error %s on stream %d: %s", e.Code, e.Stream, e.Detail)
}

func connError(code Code, detail string, args ...any) error {
	return &ConnError{Code: code, Detail: fmt.Sprintf(detail, args...)}
}

func streamError(id uint32, code Code, detail string, args ...any) error {
	return &StreamError{Stream: id, Code: code, Detail: fmt.Sprintf(detail, args...)}
}
