import { cutEverywhere } from './scripted.ts'

cutEverywhere('async')
