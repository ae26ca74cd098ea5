import { soakFlat } from './flat-soak.ts'

soakFlat('async')
