import { cutEverywhere } from './scripts.ts'

cutEverywhere('sync')
