import { soakFlat } from './flat-soak.ts'

soakFlat('sync')
