package http2

import "fairlead.dev/fairlead/kit/buf"

// sayHello gathers our preface: SETTINGS, and a larger window for the connection
// (RFC 9113 3.4).
func (c *conn) sayHello() {
	cfg := &c.srv.cfg
	c.w.reserve(buf.Small)
	start := len(c.w.out)
	b := appendFrameHead(c.w.out, 0, frameSettings, 0, 0)
	b = appendSetting(b, settingMaxConcurrentStreams, uint32(min(cfg.MaxStreams, 1<<30)))
	b = appendSetting(b, settingInitialWindowSize, streamWindow)
	b = appendSetting(b, settingMaxHeaderListSize, uint32(min(cfg.HeadBytes, 1<<30)))
	if cfg.Tunnels {
		b = appendSetting(b, settingEnableConnect, 1)
	}
	b = appendSetting(b, settingNoPriorities, 1)
	setFrameHead(b[start:], len(b)-start-frameHeadLen, frameSettings, 0, 0)
	c.w.out = appendWindowUpdate(b, 0, connWindow-firstWindow)
	c.times.settings = c.srv.now()
}

// settings takes a SETTINGS frame.
func (c *conn) settings(h frameHead, p []byte) error {
	if h.has(flagAck) {
		c.times.settings = 0
		return c.chat(1, "an acknowledgement of SETTINGS")
	}
	if c.head.id == 0 {
		c.times.head = 0
	}
	if err := c.chat(8+len(p)/6, "SETTINGS"); err != nil {
		return err
	}
	if err := c.applySettings(p); err != nil {
		return err
	}
	return c.reply(appendFrameHead(c.w.roomFor(frameHeadLen), 0, frameSettings, flagAck, 0))
}

// applySettings applies parameters one by one, in order (RFC 9113 6.5.3).
func (c *conn) applySettings(p []byte) error {
	return eachSetting(p, func(id uint16, value uint32) error {
		switch id {
		case settingEnablePush, settingEnableConnect, settingNoPriorities:
			if value > 1 {
				return connError(CodeProtocol, "the parameter %#x of SETTINGS is %d", id, value)
			}
		case settingInitialWindowSize:
			return c.changeWindows(value)
		case settingMaxFrameSize:
			if value < maxFrame || value > 1<<24-1 {
				return connError(CodeProtocol, "SETTINGS_MAX_FRAME_SIZE is %d", value)
			}
		}
		return nil
	})
}

// changeWindows changes the windows of all streams (RFC 9113 6.9.2).
func (c *conn) changeWindows(value uint32) error {
	if value > mostWindow {
		return connError(CodeFlowControl, "SETTINGS_INITIAL_WINDOW_SIZE is %d", value)
	}
	delta := int64(value) - c.peer
	c.peer = int64(value)
	if delta == 0 {
		return nil
	}
	var err error
	c.streams.each(func(s *stream) {
		if !s.send.add(delta) {
			err = connError(CodeFlowControl, "SETTINGS_INITIAL_WINDOW_SIZE makes the window of stream %d larger than 2^31-1", s.id)
		}
		s.canSend.Signal()
	})
	return err
}
