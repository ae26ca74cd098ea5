import { cutEverywhere } from './scripts.ts'

cutEverywhere('async')
