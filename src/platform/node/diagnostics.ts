import { channel } from 'node:diagnostics_channel'
import type { Channels } from '../diagnostics.ts'

export const nodeChannels: Channels = name => channel(name)
