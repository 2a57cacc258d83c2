package http3

import (
	"fmt"

	"github.com/quic-go/quic-go"
)

// Code is an error code of HTTP/3 (RFC 9114 8.1) or QPACK (RFC 9204 6).
type Code uint64

// The codes that are used here.
const (
	CodeNoError              Code = 0x100
	CodeGeneralProtocol      Code = 0x101
	CodeInternal             Code = 0x102
	CodeStreamCreation       Code = 0x103
	CodeClosedCriticalStream Code = 0x104
	CodeFrameUnexpected      Code = 0x105
	CodeFrame                Code = 0x106
	CodeExcessiveLoad        Code = 0x107
	CodeID                   Code = 0x108
	CodeSettings             Code = 0x109
	CodeMissingSettings      Code = 0x10a
	CodeRequestRejected      Code = 0x10b
	CodeRequestCancelled     Code = 0x10c
	CodeRequestIncomplete    Code = 0x10d
	CodeMessage              Code = 0x10e
	CodeDecompression        Code = 0x200
	CodeEncoderStream        Code = 0x201
	CodeDecoderStream        Code = 0x202
)

// String returns the name that the RFC has for the code.
func (c Code) String() string {
	switch c {
	case CodeNoError:
		return "H3_NO_ERROR"
	case CodeGeneralProtocol:
		return "H3_GENERAL_PROTOCOL_ERROR"
	case CodeInternal:
		return "H3_INTERNAL_ERROR"
	case CodeStreamCreation:
		return "H3_STREAM_CREATION_ERROR"
	case CodeClosedCriticalStream:
		return "H3_CLOSED_CRITICAL_STREAM"
	case CodeFrameUnexpected:
		return "H3_FRAME_UNEXPECTED"
	case CodeFrame:
		return "H3_FRAME_ERROR"
	case CodeExcessiveLoad:
		return "H3_EXCESSIVE_LOAD"
	case CodeID:
		return "H3_ID_ERROR"
	case CodeSettings:
		return "H3_SETTINGS_ERROR"
	case CodeMissingSettings:
		return "H3_MISSING_SETTINGS"
	case CodeRequestRejected:
		return "H3_REQUEST_REJECTED"
	case CodeRequestCancelled:
		return "H3_REQUEST_CANCELLED"
	case CodeRequestIncomplete:
		return "H3_REQUEST_INCOMPLETE"
	case CodeMessage:
		return "H3_MESSAGE_ERROR"
	case CodeDecompression:
		return "QPACK_DECOMPRESSION_FAILED"
	case CodeEncoderStream:
		return "QPACK_ENCODER_STREAM_ERROR"
	case CodeDecoderStream:
		return "QPACK_DECODER_STREAM_ERROR"
	}
	return fmt.Sprintf("0x%x", uint64(c))
}

func (c Code) stream() quic.StreamErrorCode    { return quic.StreamErrorCode(c) }
func (c Code) conn() quic.ApplicationErrorCode { return quic.ApplicationErrorCode(c) }

// ConnError says that a connection has to end: the client broke a rule that
// leaves no doubt (RFC 9114 8).
type ConnError struct {
	Code   Code
	Detail string
}

// Error returns code and detail.
func (e *ConnError) Error() string { return e.Code.String() + ": " + e.Detail }

func connError(code Code, detail string, args ...any) error {
	return &ConnError{Code: code, Detail: fmt.Sprintf(detail, args...)}
}
